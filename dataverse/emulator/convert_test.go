package emulator_test

import (
	"testing"

	"github.com/gallra/gallra/dataverse/emulator"
)

// Pages: ConvertQuoteToSalesOrder Action, ConvertSalesOrderToInvoice Action. What a tool that erases has to know: each step
// copies names and addresses of persons once more.
func TestConvert(t *testing.T) {
	o := newOrg(t, emulator.Options{})
	contact := o.must("POST", "contacts", map[string]any{"lastname": "Buyer"}, "Prefer", "return=representation").at("contactid").(string)
	quote := o.must("POST", "quotes", map[string]any{"name": "Q", "customerid_contact@odata.bind": "/contacts(" + contact + ")", "billto_line1": "Storgatan 1", "billto_contactname": "Ann Buyer",
		"quote_quotedetail_quoteid": []any{map[string]any{"isproductoverridden": true, "productdescription": "Chair", "quantity": 2, "priceperunit": 100}}}, "Prefer", "return=representation").at("quoteid").(string)
	columns := func(names ...string) map[string]any {
		return map[string]any{"AllColumns": false, "Columns": names}
	}
	convert := map[string]any{"QuoteId": quote, "ColumnSet": columns("name", "billto_line1", "customerid"), "QuoteCloseSubject": "Won it", "QuoteCloseStatus": -1}
	o.refused(400, "0x80040233", "Draft", "POST", "ConvertQuoteToSalesOrder", convert)
	o.must("PATCH", "quotes("+quote+")", map[string]any{"statecode": 1, "statuscode": 3})
	r := o.must("POST", "ConvertQuoteToSalesOrder", convert)
	order, _ := r.at("salesorderid").(string)
	if r.at("name") != "Q" || r.at("billto_line1") != "Storgatan 1" || r.at("_customerid_value") != contact || order == "" {
		t.Fatal(r.text)
	}
	r = o.get("salesorders(" + order + ")?$select=billto_contactname,ordernumber,statecode,_quoteid_value&$expand=salesorder_salesorderdetail_salesorderid($select=productdescription,quantity,_quotedetailid_value)")
	if r.at("billto_contactname") != "Ann Buyer" || r.at("ordernumber") == nil || r.at("statecode") != 0.0 || r.at("_quoteid_value") != quote ||
		r.at("salesorder_salesorderdetail_salesorderid", 0, "productdescription") != "Chair" || r.at("salesorder_salesorderdetail_salesorderid", 0, "quantity") != 2.0 || r.at("salesorder_salesorderdetail_salesorderid", 0, "_quotedetailid_value") == nil {
		t.Error(r.text)
	}
	if r := o.get("quotes(" + quote + ")?$select=statecode,statuscode"); r.at("statecode") != 2.0 || r.at("statuscode") != 4.0 {
		t.Error("an active quote is won: ", r.text)
	}
	if l := o.get("quotecloses?$select=subject&$filter=_quoteid_value eq " + quote).list(); len(l) != 1 || l[0]["subject"] != "Won it" {
		t.Error(l)
	}

	r = o.must("POST", "ConvertSalesOrderToInvoice", map[string]any{"SalesOrderId": order, "ColumnSet": map[string]any{"AllColumns": true}})
	invoice, _ := r.at("invoiceid").(string)
	if r.at("billto_line1") != "Storgatan 1" || r.at("_customerid_value") != contact || r.at("_salesorderid_value") != order {
		t.Error(r.text)
	}
	if l := o.get("invoicedetails?$select=productdescription&$filter=_invoiceid_value eq " + invoice).list(); len(l) != 1 || l[0]["productdescription"] != "Chair" {
		t.Error(l)
	}
	if r := o.get("salesorders(" + order + ")?$select=statecode"); r.at("statecode") != 4.0 {
		t.Error(r.text)
	}
	// Restrict: a contact with orders and invoices of its own cannot be deleted.
	o.refused(405, "0x80040227", "", "DELETE", "contacts("+contact+")", nil)

	o.refused(400, "0x80048d19", "ColumnSet", "POST", "ConvertQuoteToSalesOrder", map[string]any{"QuoteId": quote})
	o.refused(400, "0x80041103", "nope", "POST", "ConvertSalesOrderToInvoice", map[string]any{"SalesOrderId": order, "ColumnSet": columns("nope")})
	o.refused(404, "0x80040217", "salesorder With Id", "POST", "ConvertSalesOrderToInvoice", map[string]any{"SalesOrderId": quote, "ColumnSet": columns("name")})
	o.refused(501, "0x80040315", "ProcessInstanceId", "POST", "ConvertSalesOrderToInvoice", map[string]any{"SalesOrderId": order, "ColumnSet": columns("name"), "ProcessInstanceId": map[string]any{}})
	few, _ := o.user(o.unit(), "prvReadOrder Global", "prvWriteOrder Global")
	few.refused(403, "0x80040220", "prvCreateInvoice", "POST", "ConvertSalesOrderToInvoice", map[string]any{"SalesOrderId": order, "ColumnSet": columns("name")})
}
